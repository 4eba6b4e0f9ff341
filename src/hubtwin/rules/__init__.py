"""Pure functions: linkage, timetable, places, snapshots, exposure, staffing, quality, privacy."""
