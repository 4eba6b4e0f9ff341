/** Short names for the records of the library's API; minutes and milliseconds are those of the real clock. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type LibraryReply = Schemas["LibraryReply"];
export type LibraryView = Schemas["LibraryView"];
export type DatasetLine = Schemas["DatasetLine"];
export type DatasetsReply = Schemas["DatasetsReply"];
export type DatasetReply = Schemas["DatasetReply"];
export type DatasetColumn = DatasetReply["columns"][number];

export type Lane = Schemas["LaneView"]["lane"];
export type LaneView = Schemas["LaneView"];
export type ItemView = Schemas["ItemView"];
export type ColumnView = ItemView["columns"][number];
export type RowsView = Schemas["RowsView"];
export type RowsIn = NonNullable<ApplyIn["items"][number]["rows"]>;
export type CheckReply = Schemas["CheckReply"];
export type ApplyIn = Schemas["ApplyIn"];
export type DecideIn = Schemas["DecideIn"];
export type DecideOne = Schemas["DecideOne"];
export type BasketView = Schemas["BasketView"];
export type BasketLine = Schemas["BasketLine"];
export type BasketsReply = Schemas["BasketsReply"];
export type ShareView = Schemas["ShareView"];
export type SharesReply = Schemas["SharesReply"];
export type TemplateView = Schemas["TemplateView"];
export type TemplatesReply = Schemas["TemplatesReply"];
export type TemplateIn = Schemas["TemplateIn"];
export type SpreadView = Schemas["SpreadView"];
export type AgenciesReply = Schemas["AgenciesReply"];
export type BasketTimes = Schemas["TimesReply"];

export type TermsView = Schemas["TermsView"];
export type NoticeView = Schemas["NoticeView"];
export type NoticesReply = Schemas["NoticesReply"];
export type EmergencyIn = Schemas["EmergencyIn"];
export type LookUpView = Schemas["LookUpView"];
export type LookUpsReply = Schemas["LookUpsReply"];
export type ContractReply = Schemas["ContractReply"];
export type SendingView = Schemas["SendingView"];
export type SendingsReply = Schemas["SendingsReply"];
export type SentShare = Schemas["SentShare"];
export type CorrectedReply = Schemas["CorrectedReply"];

export type MineView = Schemas["MineView"];
export type MineReply = Schemas["MineReply"];
export type AskReply = Schemas["AskReply"];

export type ReturnView = Schemas["ReturnView"];
export type ReturnsReply = Schemas["ReturnsReply"];
export type ReturnContent = Schemas["ReturnContent"];
export type PageReply = Schemas["PageReply"];

export type QualityReply = Schemas["QualityReply"];
export type DatasetQuality = Schemas["DatasetQuality"];
export type RuleViewOf = DatasetQuality["rules"][number];
export type OrdersReply = Schemas["OrdersReply"];
export type OrderView = Schemas["OrderView"];
export type FailingRows = Schemas["RowsReply"];
export type LoadView = Schemas["LoadView"];
export type LoadsReply = Schemas["LoadsReply"];
export type LoadIn = Schemas["LoadIn"];
export type UploadView = Schemas["UploadView"];
export type UploadsReply = Schemas["UploadsReply"];
export type PreviewReply = Schemas["PreviewReply"];
export type QuarantineReply = Schemas["QuarantineReply"];
export type ReleasedReply = Schemas["ReleasedReply"];
