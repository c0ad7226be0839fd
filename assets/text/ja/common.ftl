# What several rooms say of files.
file_cannot_be_read = { $file } を読めません
file_cannot_be_removed = { $file } を削除できません
file_cannot_be_written = { $file } に書き込めません

# The domains of the CKS curriculum.
domain_cluster_setup = クラスター設定
domain_cluster_hardening = クラスター強化
domain_system_hardening = システム強化
domain_microservices = マイクロサービスの脆弱性の最小化
domain_supply_chain = サプライチェーンセキュリティ
domain_monitoring = モニタリング、ロギング、ランタイムセキュリティ
