DROP TABLE quiet_hours;
