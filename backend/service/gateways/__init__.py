"""What people ask of gateways: commands, configuration, profiles, and how the fleet is."""
