-- Back to the audit log that is only written.
DROP INDEX audit_logs_time;
DROP INDEX audit_logs_organization;
DROP INDEX audit_logs_user;
DROP INDEX audit_logs_type;
DROP INDEX audit_logs_type_action;
DROP INDEX audit_logs_action;
DROP INDEX audit_logs_resource;
DROP INDEX audit_logs_target;
DROP INDEX audit_logs_request;
DROP INDEX audit_logs_build_reason;
ALTER TABLE audit_logs DROP COLUMN target_key;
CREATE INDEX audit_logs_time ON audit_logs (time);
CREATE INDEX audit_logs_user ON audit_logs (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_logs_resource ON audit_logs (resource_type, resource_id);
