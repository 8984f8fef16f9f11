//! All repositories of one connection.

use super::Conn;
use crate::session::Session;
use doorward_ports::Repositories;
use doorward_ports::audit::AuditRepository;
use doorward_ports::groups::GroupRepository;
use doorward_ports::maintenance::MaintenanceRepository;
use doorward_ports::oauth2::{AppRepository, CodeRepository, GrantRepository};
use doorward_ports::organizations::OrganizationRepository;
use doorward_ports::quotas::QuotaRepository;
use doorward_ports::roles::RoleRepository;
use doorward_ports::sessions::{ApiKeyRepository, ThrottleRepository};
use doorward_ports::templates::TemplateRepository;
use doorward_ports::users::UserRepository;
use doorward_ports::workspaces::WorkspaceRepository;

impl Repositories for Session<'_, Conn> {
    fn users(&mut self) -> &mut dyn UserRepository {
        self
    }
    fn api_keys(&mut self) -> &mut dyn ApiKeyRepository {
        self
    }
    fn throttles(&mut self) -> &mut dyn ThrottleRepository {
        self
    }
    fn organizations(&mut self) -> &mut dyn OrganizationRepository {
        self
    }
    fn groups(&mut self) -> &mut dyn GroupRepository {
        self
    }
    fn roles(&mut self) -> &mut dyn RoleRepository {
        self
    }
    fn apps(&mut self) -> &mut dyn AppRepository {
        self
    }
    fn codes(&mut self) -> &mut dyn CodeRepository {
        self
    }
    fn grants(&mut self) -> &mut dyn GrantRepository {
        self
    }
    fn templates(&mut self) -> &mut dyn TemplateRepository {
        self
    }
    fn workspaces(&mut self) -> &mut dyn WorkspaceRepository {
        self
    }
    fn quotas(&mut self) -> &mut dyn QuotaRepository {
        self
    }
    fn audit(&mut self) -> &mut dyn AuditRepository {
        self
    }
    fn maintenance(&mut self) -> &mut dyn MaintenanceRepository {
        self
    }
}
