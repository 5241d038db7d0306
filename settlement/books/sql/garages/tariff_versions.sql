-- Every tariff version that was ever in force anywhere.
SELECT definition FROM tariff_version
