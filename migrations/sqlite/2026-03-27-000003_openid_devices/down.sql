DROP TABLE openid_devices;
