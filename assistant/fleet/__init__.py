"""The site's fleet in a process: fleet.yaml read and watched."""
