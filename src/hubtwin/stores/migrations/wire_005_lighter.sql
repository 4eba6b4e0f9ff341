-- Content is looked for by partner and subject, for which there is an index already; these cost a write for every message.
DROP INDEX outgoing_content;
DROP INDEX incoming_content;
