-- Few people have roles, and who has them is asked for often: to tell them, and before the last owner goes.
CREATE INDEX users_with_roles ON users (id) WHERE roles <> '[]';
CREATE INDEX organization_members_with_roles ON organization_members (organization_id, user_id) WHERE roles <> '[]';
