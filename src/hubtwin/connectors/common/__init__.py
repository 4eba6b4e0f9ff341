"""What the sources share: transports (files, HTTP), CSV, plain values, and a loopback server for simulators."""
