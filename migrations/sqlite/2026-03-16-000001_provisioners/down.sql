DROP TABLE provisioner_daemons;
DROP TABLE provisioner_keys;
