-- Without ID tokens for devices.
DROP TABLE openid_devices;
