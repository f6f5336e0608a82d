-- Once the tables are there, and again once `ledger init` brought them up to date, as their owner:
--     psql -v ON_ERROR_STOP=1 -d courier -U courier_owner -f grants.sql

grant select on all tables in schema broker_courier to courier, courier_auditor;

-- An entry is added, and never changed or taken away.
grant insert on broker_courier.entry to courier;

-- The one row of the tip, and of who holds the ledger.
grant update (log, sequence, hash, epoch, nonce, holder, until, moved_to) on broker_courier.runner to courier;

-- Who stands by, for `status` alone: each says so, and removes what is old.
grant insert, update (seen), delete on broker_courier.standby to courier;
