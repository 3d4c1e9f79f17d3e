-- When the newest data of a tenant were stored; 1970 if there are none.
SELECT max(stored_at) FROM changes WHERE tenant = {tenant:String}
