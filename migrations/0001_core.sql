-- One database holds every sandbox: each key begins with the sandbox it belongs to.
-- Times are Unix milliseconds of the sandbox's clock. Codes, tokens, secrets and sessions are SHA-256 only.

create table sandboxes (
    name text not null primary key,
    clock text not null
) strict, without rowid;

create table users (
    sandbox text not null,
    id integer not null,
    username text,
    deleted integer not null,
    -- The user as the seed format describes one.
    document text not null,
    primary key (sandbox, id)
) strict, without rowid;

create unique index users_by_username on users (sandbox, username);

create table clients (
    sandbox text not null,
    id text not null,
    -- The order of the seed, for lists.
    position integer not null,
    secret_hash blob,
    -- The client as the seed format describes one, less the secret.
    document text not null,
    primary key (sandbox, id)
) strict, without rowid;

create table sessions (
    sandbox text not null,
    hash blob not null,
    user_id integer not null,
    expires_at integer not null,
    primary key (sandbox, hash)
) strict, without rowid;

create table consents (
    sandbox text not null,
    user_id integer not null,
    client_id text not null,
    scope integer not null,
    buzz_limit text,
    updated_at integer not null,
    primary key (sandbox, user_id, client_id)
) strict, without rowid;

create table codes (
    sandbox text not null,
    hash blob not null,
    client_id text not null,
    user_id integer not null,
    scope integer not null,
    redirect_uri text not null,
    challenge text not null,
    nonce text,
    issued_at integer not null,
    expires_at integer not null,
    kept_until integer not null,
    primary key (sandbox, hash)
) strict, without rowid;

create table tokens (
    sandbox text not null,
    hash blob not null,
    kind text not null check (kind in ('access', 'refresh')),
    client_id text not null,
    user_id integer not null,
    scope integer not null,
    issued_at integer not null,
    expires_at integer not null,
    primary key (sandbox, hash)
) strict, without rowid;

create index tokens_by_grant on tokens (sandbox, client_id, user_id, kind);
