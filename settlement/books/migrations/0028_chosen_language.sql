-- What nobody has chosen is no choice: such a driver is told in the language of the lane. Until now every account said
-- Chinese without having been asked, which is what lanes speak that say nothing else.

ALTER TABLE account ALTER COLUMN language DROP DEFAULT;
ALTER TABLE account ALTER COLUMN language DROP NOT NULL;
UPDATE account SET language = NULL WHERE language = 'zh-CN';
