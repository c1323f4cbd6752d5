"""What a setting is, which values it may have, and the settings that several programs take; nothing heavy is loaded."""
