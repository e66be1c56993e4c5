"""Who is asking: API keys, owners of records, hosts and origins."""
