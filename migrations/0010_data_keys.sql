-- The key that the column `sandbox` of the other tables holds is a data key.

alter table worlds rename to data_keys;
alter table sandboxes rename column world to data_key;
alter table sandboxes rename column seed_world to seed_data_key;
alter table snapshots rename column world to data_key;
