"""Networks: a configuration in, tensors out. Nothing here knows files, clips or pages."""
