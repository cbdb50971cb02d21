-- The device flow, and the key that a sandbox signs id tokens with.

create table device_codes (
    sandbox text not null,
    hash blob not null,
    user_code_hash blob not null,
    client_id text not null,
    scope integer not null,
    status text not null check (status in ('pending', 'approved', 'denied')),
    -- Who approved.
    user_id integer,
    expires_at integer not null,
    primary key (sandbox, hash)
) strict, without rowid;

create unique index device_codes_by_user_code on device_codes (sandbox, user_code_hash);

alter table sandboxes add column signing_key blob;
