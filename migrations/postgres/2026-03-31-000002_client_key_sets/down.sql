DROP TABLE client_key_sets;
