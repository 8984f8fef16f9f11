DROP TABLE known_devices;
DROP TABLE one_time_passcodes;
DROP TABLE inbox_notifications;
DROP TABLE notification_deliveries;
DROP TABLE notification_notices;
DROP TABLE notification_preferences;
DROP TABLE notification_methods;
