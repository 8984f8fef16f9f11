DROP TABLE oauth2_registrations;
DROP TABLE oauth2_registered_clients;
