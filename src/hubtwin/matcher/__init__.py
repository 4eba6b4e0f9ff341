"""The matcher: a small process beside a railway's manifests, which answers a hub with hits and keeps nobody else."""
