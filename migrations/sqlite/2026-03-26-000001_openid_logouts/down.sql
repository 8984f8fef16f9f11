DROP TABLE openid_logouts;
