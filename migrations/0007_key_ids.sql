-- The `kid` that the signing key is published by. Null in older rows: their keys were published as civitai-2026-06.

alter table sandboxes add column key_id text;
