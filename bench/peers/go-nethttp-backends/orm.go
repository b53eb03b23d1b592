package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"restmark/service"
)

// recordModel is the table record. GORM fills all of its columns; those of the embedded record are among them.
type recordModel struct {
	service.Record
	OwnerID  int64
	Owner    ownerModel `gorm:"foreignKey:OwnerID"`
	Category string
}

func (recordModel) TableName() string { return "record" }

type ownerModel struct {
	ID   int64
	Name string
}

func (ownerModel) TableName() string { return "owner" }

// orm asks by GORM.
type orm struct{ db *gorm.DB }

// openORM gives GORM the driver's own pool, by way of database/sql.
func openORM(pool *pgxpool.Pool) (*orm, error) {
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: stdlib.OpenDBFromPool(pool)}), &gorm.Config{
		// The rig's database may be away while this starts.
		DisableAutomaticPing: true,
		Logger:               logger.New(log.Default(), logger.Config{LogLevel: logger.Silent}),
	})
	return &orm{db}, err
}

func (o *orm) one(ctx context.Context, id int64) (service.Record, error) {
	return take(o.db.WithContext(ctx), id)
}

func (o *orm) many(ctx context.Context, ids []int64) ([]service.Record, error) {
	var models []recordModel
	if err := o.db.WithContext(ctx).Find(&models, ids).Error; err != nil {
		return nil, err
	}
	found := make([]service.Record, len(models))
	for i := range models {
		found[i] = models[i].Record
	}
	return arranged(ids, found)
}

// search loads the owners by a join in the same query.
func (o *orm) search(ctx context.Context, category string, limit int) ([]owned, error) {
	var models []recordModel
	err := o.db.WithContext(ctx).InnerJoins("Owner").Where(map[string]any{"category": category}).
		Order("record.created_at DESC, record.id DESC").Limit(limit).Find(&models).Error
	if err != nil {
		return nil, err
	}
	found := make([]owned, len(models))
	for i := range models {
		found[i] = owned{models[i].Record, models[i].Owner.Name}
	}
	return found, nil
}

func (o *orm) update(ctx context.Context, id int64) (record service.Record, err error) {
	err = o.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		record, err = take(tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}), id)
		if err != nil {
			return err
		}
		record.Count = (record.Count + 1) % countModulus
		// Model(&model) and Save would take the key 0 for none: the one refuses it, the other inserts a row.
		return tx.Model(&recordModel{}).Where("id = ?", id).Update("count", record.Count).Error
	})
	return record, err
}

func take(db *gorm.DB, id int64) (service.Record, error) {
	var model recordModel
	err := db.Take(&model, id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return model.Record, fmt.Errorf("%w: %d", errNoRow, id)
	}
	return model.Record, err
}
