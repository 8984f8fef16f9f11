"""scim2-server in memory behind gunicorn: what its command serves, with one bearer token from SCIM_KEY."""

import os

from scim2_models import ScimProvider
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import load_default_resource_types
from scim2_server.utils import load_default_schemas
from scim2_server.utils import load_default_service_provider_config

provider = ScimProvider.from_discovery(
    load_default_schemas().values(),
    load_default_resource_types().values(),
    config=load_default_service_provider_config(),
)
application = BearerTokenApplication(
    InMemoryStorage(), provider, service=ScimService(provider, secret="x" * 32), bearer_tokens=[os.environ["SCIM_KEY"]]
)
