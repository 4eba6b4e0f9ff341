-- a table is made anew from the library when it is sent; what must last is which version said what
ALTER TABLE outgoing DROP COLUMN sealed;
