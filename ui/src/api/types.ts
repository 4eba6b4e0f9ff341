/** Short names for the records of the API. They are generated into schema.d.ts; minutes are epoch minutes, UTC. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Names = Schemas["Words"];
export type Lang = keyof Names;
export type Me = Schemas["Me"];
export type Hub = Schemas["HubView"];
export type Emergency = Schemas["EmergencyView"];
export type EmergencyReply = Schemas["EmergencyReply"];
export type Train = Schemas["Train"];
export type TrainsReply = Schemas["TrainsReply"];
export type TrainCall = Schemas["TrainCall"];
export type RiskLevel = Train["level"];
export type Position = Schemas["Position"];
export type PositionsReply = Schemas["PositionsReply"];
export type Station = Schemas["StationView"];
export type District = Schemas["DistrictView"];
export type AreaFacts = Schemas["AreaFacts"];
export type Areas = Schemas["AreasReply"];
export type AreaFeature = Areas["features"][number];
export type Case = Schemas["CaseRow"];
export type CaseState = Case["state"];
export type CasesReply = Schemas["CasesReply"];
export type CaseFile = Schemas["CaseReply"];
export type CaseMove = Schemas["CaseMoveView"];
export type CaseStep = Schemas["StepView"];
export type Proposal = Schemas["ProposalView"];
export type Appeal = Schemas["AppealView"];
export type Cotravel = Schemas["CotravelReply"];
export type Happened = Schemas["Happened"];
export type EvidenceIn = Schemas["EvidenceIn"];
export type Task = Schemas["TaskRow"];
export type TaskState = Task["state"];
export type TasksReply = Schemas["TasksReply"];
export type TaskFile = Schemas["TaskReply"];
export type NearReply = Schemas["NearReply"];
export type TaskMove = Schemas["TaskMoveView"];
export type Board = Schemas["Board"];
export type OverflowProposal = Schemas["OverflowProposal"];
export type Source = Schemas["SourceView"];
export type SourcesReply = Schemas["SourcesReply"];
export type Repair = Schemas["Repair"];
export type RepairsReply = Schemas["RepairsReply"];
export type LiveChange = Schemas["LiveChange"];
export type LiveDelta = Schemas["LiveDelta"];
export type LiveHeartbeat = Schemas["LiveHeartbeat"];
export type LiveSnapshot = Schemas["LiveSnapshot"];

export type AlarmsReply = Schemas["AlarmsReply"];
export type Heard = Schemas["Heard"];
export type Shelf = Schemas["Shelf"];

/** An alarm as the page holds it. */
export interface Alarm {
  id: string;
  kind: string;
  subject: string;
  at_min: number;
  value: Record<string, unknown>;
}

/** Who may read what. These minutes are those of the real clock. */
export type Grant = Schemas["GrantView"];
export type GrantsReply = Schemas["GrantsReply"];
export type GrantOptions = Schemas["GrantOptions"];
export type IssueGrant = Schemas["IssueGrant"];
export type MyGrant = Schemas["MyGrant"];
export type MyGrantsReply = Schemas["MyGrantsReply"];
export type ColumnChoice = Schemas["ColumnChoice"];
export type EmergencyChoice = Schemas["EmergencyChoice"];
export type HoldsReply = Schemas["HoldsReply"];
export type Report = Schemas["ReportView"];
export type ReportsReply = Schemas["ReportsReply"];
export type AuditLine = Schemas["AuditLine"];
export type AuditReply = Schemas["AuditReply"];
export type AuditCheck = Schemas["AuditCheck"];
export type PartnerRow = Schemas["PartnerRow"];
export type PartnersReply = Schemas["PartnersReply"];
export type PartnerFile = Schemas["PartnerReply"];
export type PartnerMessage = Schemas["MessageRow"];
export type PartnerAnswer = Schemas["AnswerView"];
export type PartnerAgreement = Schemas["AgreementView"];
export type GivenDay = Schemas["GivenDay"];
export type PartnerLink = Schemas["LinkView"];
export type NewLink = Schemas["NewLink"];
export type LogCheck = Schemas["LogCheck"];
export type CaseTold = Schemas["CaseToldReply"];
export type Letter = Schemas["LetterReply"];
export type LettersReply = Schemas["LettersReply"];
export type RevealReply = Schemas["RevealReply"];
