DROP TABLE app_logos;
