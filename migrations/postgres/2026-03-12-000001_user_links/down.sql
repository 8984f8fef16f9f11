DROP TABLE federated_sessions;
DROP TABLE user_links;
