"""DL/T 645-2007, the protocol of Chinese electricity meters: frames, data items, blocks, a line."""
