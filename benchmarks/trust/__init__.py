"""The scorecard: what is promised of streamplay, tried out row by row."""
