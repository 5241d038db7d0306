-- Controllers that speak their maker's protocol.

ALTER TABLE access_token
    ADD COLUMN device jsonb,
    ADD CONSTRAINT access_token_device_is_a_controllers CHECK (device IS NULL OR kind = 'controller');
