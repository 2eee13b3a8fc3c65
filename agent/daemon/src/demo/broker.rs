//! A small MQTT broker for the demonstration and for tests.
