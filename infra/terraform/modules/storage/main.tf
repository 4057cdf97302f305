# Three buckets: the tables, the dead letters, the registry of transforms. Encrypted, TLS only, never public.

data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  # Delta tables keep their own older versions, and S3 versioning would keep what VACUUM deletes: only the registry is versioned.
  buckets = { for kind, is_versioned in { tables = false, dead-letters = false, registry = true } :
    kind => { name = "${var.name}-${kind}-${local.account}", is_versioned = is_versioned } if var.create
  }
  makes_key = var.create && var.kms_key_arn == null
  key_arn   = local.makes_key ? aws_kms_key.this["this"].arn : var.kms_key_arn
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18:The account decides about access logs; CloudTrail's data events show the same and more
  # checkov:skip=CKV_AWS_21:Delta tables keep their own versions, so that only the registry's bucket is versioned
  # checkov:skip=CKV_AWS_144:Replication copies objects in any order, so that a table's log could arrive before its data
  # checkov:skip=CKV2_AWS_62:No reader reacts to single objects: readers of Delta follow the table's log
  for_each = local.buckets

  bucket        = each.value.name
  force_destroy = var.may_be_emptied
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    # S3 calls KMS once in a while instead of once for each object.
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = local.key_arn
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = { for kind, bucket in local.buckets : kind => bucket if bucket.is_versioned }

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.upload_days_max
    }
  }

  dynamic "rule" {
    for_each = each.value.is_versioned ? [var.registry_version_days] : []

    content {
      id     = "older-versions"
      status = "Enabled"

      filter {}

      noncurrent_version_expiration {
        noncurrent_days = rule.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for sid, condition in {
      TlsOnly   = { Bool = { "aws:SecureTransport" = "false" } }
      ModernTls = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      } : {
      Sid       = sid
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.this[each.key].arn, "${aws_s3_bucket.this[each.key].arn}/*"]
      Condition = condition
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_kms_key" "this" {
  for_each = local.makes_key ? toset(["this"]) : toset([])

  description             = "Sluicebox ${var.name}: tables, dead letters, registry, logs"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = var.tags
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # In a key policy `*` means this key. Without the account's root no principal could change the key.
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${local.account}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${data.aws_region.current.region}.amazonaws.com" }
        Action    = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.region}:${local.account}:log-group:*" } }
      },
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
    ]
  })
}

resource "aws_kms_alias" "this" {
  for_each = local.makes_key ? toset(["this"]) : toset([])

  name          = "alias/${var.name}-sluicebox"
  target_key_id = aws_kms_key.this["this"].key_id
}
