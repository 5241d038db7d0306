"""MQTT: one lasting connection to a broker, for devices and authorities that speak over one."""
