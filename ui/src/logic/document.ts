/** The document that is read when a person is scanned or registered at the desk. Without a number nothing is sent. */

export const DOCUMENT_TYPES = ["CITIZEN", "PASSPORT", "PERMIT", "syn"] as const;
export const READS_DOCUMENT = new Set(["report", "report_at_desk"]);

export interface Document {
  id_type: (typeof DOCUMENT_TYPES)[number];
  id_no: string;
  name: string;
  phone: string;
}

export function emptyDocument(synthetic: boolean): Document {
  return { id_type: synthetic ? "syn" : "CITIZEN", id_no: "", name: "", phone: "" };
}

/** What goes with a move: the person, or nothing at all. */
export function personOf(read: Document): { person?: Document } {
  const id_no = read.id_no.trim();
  return id_no === "" ? {} : { person: { ...read, id_no, name: read.name.trim(), phone: read.phone.trim() } };
}
