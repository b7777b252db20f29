"""What is kept: records, the DuckDB writer, audio files, rows and their export. No torch, no gradio."""
