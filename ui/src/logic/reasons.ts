/** Why a team declines, one tap each; a person may write own words instead. */
export const REASONS = ["busy_elsewhere", "not_qualified", "cannot_get_there", "safety"] as const;
