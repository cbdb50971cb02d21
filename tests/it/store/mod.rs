//! Tests of what is stored: persistence, crashes, full disks, limits of rows and memory.

mod crash;
mod database_file;
mod disk_full;
mod disk_full_crash;
mod input_limits;
mod journal_memory;
mod ledger;
mod migrations;
mod object_limits;
mod persistence;
mod races;
