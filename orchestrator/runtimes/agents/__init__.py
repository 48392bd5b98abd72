"""The slow lane: Faust agents around pure steps, for what tolerates at-least-once."""
