-- What users have to spend, what apps have spent of it, and for what.

create table accounts (
    sandbox text not null,
    user_id integer not null,
    currency text not null check (currency in ('yellow', 'blue', 'green')),
    balance integer not null check (balance >= 0),
    -- All that has ever come in.
    lifetime_balance integer not null,
    primary key (sandbox, user_id, currency)
) strict, without rowid;

create table workflows (
    sandbox text not null,
    id text not null,
    user_id integer not null,
    client_id text not null,
    cost integer not null,
    -- The steps, as JSON.
    steps text not null,
    finishes_at integer not null,
    primary key (sandbox, id)
) strict, without rowid;

create table spends (
    sandbox text not null,
    workflow_id text not null,
    -- One workflow may be paid from several accounts.
    currency text not null,
    user_id integer not null,
    client_id text not null,
    amount integer not null,
    spent_at integer not null,
    -- Absolute budgets were reset since.
    forgiven integer not null,
    primary key (sandbox, workflow_id, currency)
) strict, without rowid;

create index spends_by_grant on spends (sandbox, user_id, client_id);

-- Users of before have what their documents say.
insert into accounts (sandbox, user_id, currency, balance, lifetime_balance)
select users.sandbox, users.id, buzz.key, buzz.value, buzz.value
from users, json_each(users.document, '$.buzz') buzz
where buzz.key in ('yellow', 'blue', 'green');

-- Users with what is on their accounts now; their own documents say what they began with.
create view people as
select users.sandbox, users.id, users.username, json_set(users.document, '$.buzz', json((
    select json_group_object(accounts.currency, accounts.balance) from accounts
    where accounts.sandbox = users.sandbox and accounts.user_id = users.id
))) as document
from users;
