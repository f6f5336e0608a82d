-- Who may do what with a ledger in PostgreSQL: an owner, who makes and changes the tables; the courier, which
-- may only add entries and move the tip; an auditor, who may only read.
--
-- Once, as the database's administrator, in the database that the ledger is to be in:
--     psql -v ON_ERROR_STOP=1 -d courier -f roles.sql
-- Then the tables, as their owner, and grants.sql:
--     broker-courier --ledger postgres://courier_owner@db.example/courier ledger init
-- Passwords are set with \password in psql, certificates in pg_hba.conf.

create role courier_owner login;
create role courier login;
create role courier_auditor login;

create schema broker_courier authorization courier_owner;
grant usage on schema broker_courier to courier, courier_auditor;
