# What several rooms say of files.
file_cannot_be_read = { $file } cannot be read
file_cannot_be_removed = { $file } cannot be removed
file_cannot_be_written = { $file } cannot be written

# The domains of the CKS curriculum.
domain_cluster_setup = Cluster Setup
domain_cluster_hardening = Cluster Hardening
domain_system_hardening = System Hardening
domain_microservices = Minimize Microservice Vulnerabilities
domain_supply_chain = Supply Chain Security
domain_monitoring = Monitoring, Logging and Runtime Security
