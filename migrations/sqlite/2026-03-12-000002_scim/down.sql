DROP TABLE scim_groups;
DROP TABLE scim_emails;
DROP TABLE scim_users;
