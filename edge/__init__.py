"""The daemon: state, rules, field, store, platform, command line. Imports point down, see docs/architecture.md."""
