"""The loop, one file a step, in order: sense, judge, warn, dispatch, handle, feedback; timers keep it going."""
