-- Whether a control call or Rust asked for a sandbox. One that a mere request created makes room for others.

alter table sandboxes add column is_explicit integer not null default 1;
